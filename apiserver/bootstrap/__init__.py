"""What a cluster holds before anybody has created anything: data, and ``ensure``, which writes what is missing."""
