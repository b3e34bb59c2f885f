$ weighbridge validate --model recorded --weights net.pth --reference net_reference.npz
PASS recorded · 15 ok · largest error 0.08 of its limit · compared all 14 activations, 1 output

isolated: on recorded inputs · end to end: whole run · error ÷ noise, limit 4
status  module        kind        shape  isolated  end to end   max|Δ|   ULP     SNR
ok ×14  stem … head                             0        0.31  2.2e-08  8192  138 dB
ok      outputs/0     output      2×10          0        0.11  7.5e-09     3  151 dB
ok      production/0  production  2×10          –        0.07  7.5e-09     1  154 dB
…
