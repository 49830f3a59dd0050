"""The one way out to the services: polite, patient, remembered, and silent about keys."""
