"""The report: one HTML page without any request, from the tables and rasters of a run."""
