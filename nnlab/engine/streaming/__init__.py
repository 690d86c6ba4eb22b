"""Data that is read batch by batch through torch's DataLoader, instead of held in memory."""
