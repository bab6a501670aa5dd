"""Training and measuring the models of `imagine`. Needs the extra `train` (torch, lpips)."""
