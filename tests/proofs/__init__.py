"""Proofs that no crash costs a row and no reader is blocked: commands of their own, with short forms as tests."""
