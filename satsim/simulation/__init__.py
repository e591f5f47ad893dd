"""Who sends what when, and what becomes of it; no pixels here."""
