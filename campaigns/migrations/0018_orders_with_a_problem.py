"""An index of the few orders that have a problem, for the home page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0017_alerts_that_ask")]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("problem", ""), _negated=True), fields=["state"], name="order_problem"
            ),
        ),
    ]
