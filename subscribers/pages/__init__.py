"""What pages say of subscribers and packages, in words and rows; templates only lay it out."""
