"""Brings in a shop's year of invoice lines in the form of UCI's "Online Retail" data set.

A module a question: `lines` (what does a line say, is it sound?), `invoices` (which lines belong
together, what becomes of them?), `planning` (what must be there before the first invoice?),
`importing` (the steps of the job), `reconciling` (is every line accounted for?). The rules, with
their reasons, are the table in docs/guides/import-online-retail.md.
"""
