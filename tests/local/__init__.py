"""Tests of bkendctl.local."""
