$ weighbridge validate --model recorded --weights resnet18.pth --reference resnet18_reference.npz
PASS recorded · 94 ok · largest error 0.44 of its limit · compared all 93 activations, 1 output ·
no compared value reacts to parts of 19 of 102 parameters, 18 % of the values
…
$ weighbridge port resnet18_reference.npz --weights resnet18.pth --package Resnet18Swift
Resnet18Swift: ResNet in 3 structs; `swift test --package-path Resnet18Swift` holds it against the
recording
