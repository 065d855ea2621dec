"""Small pictures with few colors, by K-means color quantization."""
