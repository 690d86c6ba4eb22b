"""Pure training: knows no SQL, no screen, no other process; yields Epoch records."""
