"""What the kernels share with those who make their tables and read their results; nothing is compiled by importing it."""

NO_DATA, LAND, WATER, MASKED = 0, 1, 2, 3  # state of a cell in one image, and entries of a mask table
GROWS = 8  # bit of a table entry: the code is dilated
LARGEST_HALO = 250  # cells; distances are kept in one byte
NDVI_UNIT = 2.0**20  # zone sums are whole numbers, so that their order cannot change them
WEIGHT_UNIT = 2**15
OUTPUTS = ("slope", "slope_low", "slope_high", "intercept", "s", "tau", "z", "p", "n")  # of the trend of a cell, in this order
