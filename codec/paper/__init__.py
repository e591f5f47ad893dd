"""The paper, table by table: each figure and table made anew, ours beside the paper's own numbers."""
