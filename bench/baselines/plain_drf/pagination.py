"""Pages of 20 with the facts about the page that Noren gives too."""

from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response


class Pages(PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_paginated_response(self, data):
        """The usual envelope and `page_info`."""
        page = self.page
        return Response(
            {
                "count": page.paginator.count,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "page_info": {
                    "current_page": page.number,
                    "total_pages": page.paginator.num_pages,
                    "page_size": page.paginator.per_page,
                    "has_next": page.has_next(),
                    "has_previous": page.has_previous(),
                },
                "results": data,
            }
        )
