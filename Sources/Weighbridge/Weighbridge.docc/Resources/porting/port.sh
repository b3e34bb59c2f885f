$ weighbridge port net_reference.npz --weights net.pth --package NetSwift
NetSwift: Net in 3 structs; `swift test --package-path NetSwift` holds it against the recording
