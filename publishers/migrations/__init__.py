"""Versions of schema `ops`: what people decided and what was carried out."""
