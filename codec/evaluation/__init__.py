"""The paper's evaluation: quality by bytes for any codecs, BD-rates, run times; tables and figures."""
