"""Hostile cases 41 to 64, the faults: which tests hold each, and that they are there.

Case numbers are stable.  A case whose test bears its number in its name is named by it alone; the others are held by
tests that stand with what they test, and are cited here.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CASES: dict[int, tuple[str, ...]] = {
    41: (  # SIGKILL at every durable point, in both feeds and while sending
        "faults/test_kill_sweep.py::test_10_killed_at_each_durable_point_the_end_is_the_same",
        "faults/test_kill_sweep.py::test_10b_killed_while_sending_no_mail_goes_out_twice",
        "faults/test_storage_crashes.py::test_nothing_is_lost_or_doubled_by_a_crash_before_any_write",
        "scenarios/test_outbound_stories.py::test_34_killed_before_any_durable_step_no_fax_goes_out_twice",
        "unit/daemon/test_disposal.py::test_killed_midway_the_next_run_goes_on",
    ),
    42: (  # unsynced writes dropped at every point
        "faults/test_storage_crashes.py::test_nothing_is_lost_or_doubled_by_a_crash_before_any_write",
        "faults/test_storage_order.py::test_row_01_folders_change_only_when_all_is_durable",
        "faults/test_storage_order.py::test_row_01_servers_hear_of_it_only_when_all_is_durable",
    ),
    43: (  # ENOSPC at the N-th write
        "faults/test_storage_errors.py::test_one_failing_call_loses_and_doubles_nothing",
        "faults/test_disk_full.py::test_a_full_disk_acknowledges_nothing_and_loses_nothing",
    ),
    44: (  # EIO on the N-th fsync
        "faults/test_storage_errors.py::test_one_failing_call_loses_and_doubles_nothing",
        "faults/test_outbound_folder.py::test_a_failing_disk_is_temporary_and_leaves_nothing_half_done",
    ),
    45: (  # short writes; one alarm
        "unit/records/test_vault.py::test_a_short_write_is_written_to_the_end",
        "faults/test_disk_full.py::test_a_full_disk_is_told_once_and_its_end_once",
    ),
    46: ("faults/test_ingest_folders.py::test_a_fax_written_in_chunks_is_taken_whole_and_once",),
    47: ("unit/ingest/test_dropfolder.py::test_a_half_written_fax_waits_and_after_half_an_hour_is_shown_to_staff",),
    48: (  # links, pipes, nothing in it
        "unit/ingest/test_dropfolder.py::test_what_is_no_regular_file_is_refused_once_and_left",
        "faults/test_ingest_folders.py::test_a_link_put_in_the_place_of_a_listed_file_is_not_followed",
        "faults/test_ingest_folders.py::test_a_pipe_put_in_the_place_of_a_listed_file_does_not_block_us",
    ),
    49: (  # 20,000 files at once
        "faults/test_ingest_folders.py::test_twenty_thousand_files_at_once_are_all_found_by_one_scan",
        "faults/test_ingest_folders.py::test_without_notices_the_timed_rescan_finds_everything",
    ),
    50: ("faults/test_ingest_mailbox.py::test_a_server_that_drips_or_falls_silent_is_left_at_the_deadline",),
    51: ("faults/test_ingest_mailbox.py::test_an_answer_without_measure_costs_neither_memory_nor_the_daemon",),
    52: (  # disconnects, restarts, other numbers, no MOVE
        "faults/test_ingest_mailbox.py::test_hanging_up_at_any_command_loses_and_doubles_nothing",
        "faults/test_ingest_mailbox.py::test_without_move_nothing_is_copied_deleted_or_expunged",
        "faults/test_ingest_mailbox.py::test_a_uid_is_never_used_under_another_uidvalidity",
        "unit/ingest/test_mailbox.py::test_a_restarted_server_is_found_again",
        "unit/ingest/test_mailbox.py::test_a_folder_numbered_anew_loses_nothing",
        "unit/ingest/test_backoff.py::test_no_wait_is_ever_longer_than_the_most",
        "scenarios/test_mailbox_stories.py::test_09_dovecot_restarted_and_renumbered_loses_and_doubles_nothing",
    ),
    53: (  # certificates, STARTTLS stripped
        "faults/test_ingest_mailbox.py::test_no_word_is_said_to_a_server_that_is_not_the_right_one",
        "faults/test_outbound_smtp.py::test_a_certificate_that_does_not_hold_gets_no_mail",
        "faults/test_outbound_smtp.py::test_nothing_is_said_in_clear_to_a_server_without_starttls",
    ),
    54: (  # the same twice, by one way or by two
        "scenarios/test_mailbox_stories.py::test_08_the_same_mail_delivered_twice_is_one_case_and_one_mail",
        "unit/ingest/test_dropfolder.py::test_left_in_place_each_file_comes_once_and_a_changed_one_again",
        "unit/routing/test_decide.py::test_the_same_documents_again_are_duplicates_and_bring_no_mail",
        "scenarios/test_packet_stories.py::test_03_a_packet_split_over_mails_and_a_fax_in_any_order_is_one_case",
    ),
    55: (  # SMTP answers
        "faults/test_outbound_smtp.py::test_an_answer_is_taken_at_its_word",
        "faults/test_outbound_smtp.py::test_a_break_before_the_text_was_asked_for_is_tried_again",
        "faults/test_outbound_smtp.py::test_a_lost_answer_to_the_dot_is_uncertain",
        "unit/daemon/test_deliver.py::test_a_mail_whose_answer_was_lost_is_not_sent_again_by_itself",
    ),
    56: (  # clocks
        "faults/test_clock_jumps.py::test_case_56_a_clock_that_jumps",
        "faults/test_clock_jumps.py::test_case_56_summer_time_comes_and_goes",
        "unit/daemon/test_disposal.py::test_a_clock_that_jumped_is_a_question",
        "unit/daemon/test_disposal.py::test_too_many_at_once_are_a_question",
        "unit/ingest/test_dropfolder.py::test_a_time_set_back_does_not_make_a_fresh_file_old",
    ),
    57: ("scenarios/test_canaries.py::test_no_canary_is_on_the_disk_in_a_log_or_in_a_mail",),
    58: (  # the stolen disk
        "scenarios/test_canaries.py::test_no_canary_is_on_the_disk_in_a_log_or_in_a_mail",
        "unit/records/test_vault.py::test_neither_bytes_nor_digest_are_on_the_disk",
        "unit/records/test_backup.py::test_a_backup_without_its_keys_is_closed",
    ),
    59: (  # what goes out
        "scenarios/test_packet_stories.py::test_18_nothing_of_a_patient_leaves_the_house_or_reaches_the_log",
        "unit/outbound/test_compose.py::test_no_text_of_a_study_gets_out",
    ),
    60: (  # disposal and yesterday's backup
        "unit/daemon/test_disposal.py::test_a_case_ends_in_a_tombstone_that_tells_nothing",
        "unit/records/test_store.py::test_destroyed_keys_close_a_case_also_in_an_older_copy",
        "unit/daemon/test_disposal.py::test_a_hold_blocks_and_is_named",
    ),
    61: ("faults/test_daemon_ends.py::test_case_61_sigkill_while_it_reads",),
    62: ("faults/test_daemon_ends.py::test_case_62_sigterm_under_load",),
    63: (  # `make live-units` lets a real systemd bite
        "faults/test_daemon_ends.py::test_a_daemon_whose_loop_hangs_is_silent_to_the_watchdog",
    ),
    64: ("hostile/test_bombs_beside.py::test_case_64_good_packets_pass_a_bomb_by",),
}


@cache
def names_in(file: Path) -> frozenset[str]:
    found = ast.walk(ast.parse(file.read_text("utf-8")))
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def test_no_fault_is_missing() -> None:
    assert sorted(CASES) == list(range(41, 65))


@pytest.mark.parametrize("case", CASES, ids="case-{}".format)
def test_a_case_is_held_by_tests_that_are_there(case: int) -> None:
    """Each cited test stands in the cited file."""
    for cited in CASES[case]:
        file, _, name = cited.partition("::")
        assert name in names_in(TESTS / file), cited
