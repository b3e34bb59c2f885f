import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension PatchEmbed: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    [
      Alternative(
        Cause(
          .patchOrder, "the reference reads its patches column by column, here row by row",
          fix: .code("list the patches of \(path) column by column"))
      ) { x in
        let tokens = try proj(x).permuted([0, 3, 2, 1])
        let flat = try tokens.reshaped([tokens.shape[0], -1, tokens.shape[3]])
        return try norm?(flat) ?? flat
      },
      Alternative(
        Cause(
          .flattenOrder,
          "the reference reshapes the map to tokens without moving its channels last",
          fix: .code("reshape the map of \(path) as the reference does"))
      ) { x in
        let map = try proj(x)
        let flat = try map.contiguous().reshaped([map.shape[0], -1, map.shape[1]])
        return try norm?(flat) ?? flat
      },
    ]
  }
}

extension PatchMerging: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let side = Int(Double(input.shape[1]).squareRoot())
    return [
      Alternative(
        Cause(
          .patchOrder, "the reference joins neighbours row by row, here column by column",
          fix: .code("join the neighbours of \(path) as (0, 0), (0, 1), (1, 0), (1, 1)"))
      ) { try reduction(norm(merged($0, side: side, rowFirst: true))) }
    ]
  }
}
