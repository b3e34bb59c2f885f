"""Networks of timm, torchvision and transformers, recorded and run in Swift from their recording."""
