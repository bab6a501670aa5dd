"""The paper's rivals, trained on what ours is trained on: each a file that reads like its paper."""
