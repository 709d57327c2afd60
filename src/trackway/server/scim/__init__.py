"""The front door of SCIM 2.0, by which a directory of identities keeps people and teams up here."""
