from django.db import migrations

import noren_kit.db.history


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_changes_by_row"),
        ("accounts", "0013_history"),
        ("jobs", "0005_history"),
        ("tenancy", "0009_bin"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="job",
            name="jobs_job_history",
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=noren_kit.db.history.Recorded(
                by_row=True,
                ignored=["lines_refused", "lines_settled", "position"],
                name="jobs_job_history",
                resource="jobs.job",
            ),
        ),
    ]
