"""Tests of bkendctl; the folders mirror the package."""
