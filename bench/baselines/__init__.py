"""What Noren is measured against: good code without its duties."""
