"""What people read: short tables from the warehouse."""
