"""What touches hostile bytes: everything here runs in a child process that can be killed."""
