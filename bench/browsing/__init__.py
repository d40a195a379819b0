"""What bench/pages.py looks at: an ISP of that size, its pages, a stock admin beside them."""
