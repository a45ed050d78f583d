"""What the workspace defines: found in the background, kept on disk, asked at a keystroke."""
