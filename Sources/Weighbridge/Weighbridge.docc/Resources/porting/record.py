import torch
from weighbridge_recorder import record
from mine import net, images
torch.save(net.state_dict(), "net.pth")
record(net, [images], "net_reference.npz", network=True)
