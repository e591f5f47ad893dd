"""The paper's ablations (Table 4, Fig. 8, 9 and 16) and ProgDTD (Fig. 7): small models, all of one budget."""
