from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("search", "0001_terms")]

    operations = [
        migrations.AddIndex(
            model_name="term",
            index=models.Index(
                fields=["tenant", "resource", "term", "weight", "id"], name="search_term_ranked"
            ),
        ),
        migrations.AddIndex(
            model_name="term",
            index=models.Index(
                condition=models.Q(("weight", 0)),
                fields=["tenant", "resource", "term", "id"],
                name="search_term_codes",
            ),
        ),
        migrations.RemoveIndex(model_name="term", name="search_term_by_term"),
    ]
