"""Texts of the catalogue hold no control characters and no marks of direction."""

from django.db import migrations, models

import campaigns.models.validators


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0013_copies_and_watchdog"),
    ]

    operations = [
        migrations.AlterField(
            model_name="agent",
            name="email",
            field=models.EmailField(max_length=254, validators=[campaigns.models.validators.visible]),
        ),
        migrations.AlterField(
            model_name="agent",
            name="name",
            field=models.CharField(max_length=200, validators=[campaigns.models.validators.visible]),
        ),
        migrations.AlterField(
            model_name="branch",
            name="name",
            field=models.CharField(max_length=200, validators=[campaigns.models.validators.visible]),
        ),
        migrations.AlterField(
            model_name="listing",
            name="address",
            field=models.CharField(blank=True, max_length=300, validators=[campaigns.models.validators.visible]),
        ),
        migrations.AlterField(
            model_name="listing",
            name="image_url",
            field=models.URLField(
                blank=True,
                max_length=500,
                validators=[campaigns.models.validators.visible],
                verbose_name="address of the picture",
            ),
        ),
        migrations.AlterField(
            model_name="listing",
            name="status",
            field=models.CharField(
                blank=True,
                help_text="As the portal calls it, such as for sale or sold.",
                max_length=50,
                validators=[campaigns.models.validators.visible],
            ),
        ),
        migrations.AlterField(
            model_name="listing",
            name="title",
            field=models.CharField(max_length=200, validators=[campaigns.models.validators.visible]),
        ),
        migrations.AlterField(
            model_name="listing",
            name="url",
            field=models.URLField(
                max_length=500, validators=[campaigns.models.validators.visible], verbose_name="address of the page"
            ),
        ),
        migrations.AlterField(
            model_name="plan",
            name="channels",
            field=models.CharField(
                blank=True,
                help_text="Such as Facebook, Instagram.",
                max_length=200,
                validators=[campaigns.models.validators.visible],
            ),
        ),
        migrations.AlterField(
            model_name="plan",
            name="name",
            field=models.CharField(max_length=200, validators=[campaigns.models.validators.visible]),
        ),
        migrations.AlterField(
            model_name="plan",
            name="objective",
            field=models.CharField(blank=True, max_length=200, validators=[campaigns.models.validators.visible]),
        ),
    ]
