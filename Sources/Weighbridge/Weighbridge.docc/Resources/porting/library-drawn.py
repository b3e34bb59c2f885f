import timm
import torch
from weighbridge_recorder import record

torch.manual_seed(0)
net = timm.create_model("resnet18", num_classes=10).eval()
for module in net.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        torch.nn.init.uniform_(module.weight, 0.5, 1.5)
torch.save(net.state_dict(), "resnet18.pth")
record(net, [torch.randn(1, 3, 96, 96)], "resnet18_reference.npz", network=True)
