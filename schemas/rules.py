"""The version of the rules that turn a document's bytes into mentions.

Raise RULES_VERSION with any change to schemas/documents.py, schemas/text.py or the reading of YAML that can give other
values for the same bytes: the next run then reads every kept version again. The URL policy has a version of its own,
in schemas/urls.py, as keys can be made anew without the bytes.
"""

RULES_VERSION = 3
