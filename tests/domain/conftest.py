from hypothesis import settings

# A busy machine makes no rule wrong.
settings.register_profile("without_a_deadline", deadline=None)
settings.load_profile("without_a_deadline")
