/// A Python index: for each axis a number, a slice, a new axis, an ellipsis, or places in a tensor or
/// list.
struct Index {
  private enum Item {
    case place(Int)
    case slice(start: Int?, end: Int?, step: Int)
    case newAxis
    case rest
    case places(Tensor)
  }

  private let items: [Item]

  init(_ value: Value, _ a: Arguments) throws {
    let given: [Value]
    if case .list(let list) = value { given = list } else { given = [value] }
    items = try given.map { item in
      switch item {
      case .integer(let place): return .place(place)
      case .none: return .newAxis
      case .ellipsis: return .rest
      case .tensor(let places):
        guard places.dtype != .bool else {
          throw WeighbridgeError(
            .unsupported, "an index by a condition, whose result has no shape beforehand")
        }
        return .places(places)
      case .list(let places):
        let numbers = places.compactMap(\.asInteger)
        guard numbers.count == places.count else { throw a.wrong("index") }
        return .places(try Tensor(numbers.map(Int64.init), shape: [numbers.count]))
      case .slice(let start, let end, let step):
        let stride = step.asInteger ?? 1
        guard stride > 0 else { throw a.wrong("index") }
        return .slice(start: start.asInteger, end: end.asInteger, step: stride)
      default: throw a.wrong("index")
      }
    }
  }

  /// The condition that an index is, alone.
  static func mask(_ value: Value) -> Tensor? {
    switch value {
    case .tensor(let tensor) where tensor.dtype == .bool: tensor
    case .list(let items) where items.count == 1: mask(items[0])
    default: nil
    }
  }

  /// What it picks: numbers, slices and new axes first, then places, as PyTorch does.
  func taken(of tensor: Tensor) throws -> Tensor {
    let used = items.count { item in
      switch item {
      case .newAxis, .rest: false
      default: true
      }
    }
    guard used <= tensor.rank else {
      throw WeighbridgeError(.shape, "\(used) indices for the axes of \(tensor.shape)")
    }
    var (result, axis) = (tensor, 0)
    var places: [Tensor?] = []
    for item in items {
      switch item {
      case .place(let place):
        let extent = result.shape[axis]
        result = try result.selected(axis, place < 0 ? place + extent : place)
        continue
      case .newAxis: result = try result.unsqueezed(axis)
      case .rest:
        let skipped = tensor.rank - used
        places += [Tensor?](repeating: nil, count: skipped)
        axis += skipped
        continue
      case .slice(let start, let end, let step):
        result = try Index.sliced(result, axis, start, end, step)
      case .places(let tensor):
        places.append(tensor)
        axis += 1
        continue
      }
      places.append(nil)
      axis += 1
    }
    return places.contains { $0 != nil } ? try result.indexed(by: places) : result
  }

  private static func sliced(
    _ x: Tensor, _ axis: Int, _ start: Int?, _ end: Int?, _ step: Int
  ) throws -> Tensor {
    let extent = x.shape[axis]
    let first = start.map { Vocabulary.bounded($0, extent) } ?? 0
    let last = end.map { Vocabulary.bounded($0, extent) } ?? extent
    guard first > 0 || last < extent || step > 1 else { return x }
    let part = try x.narrowed(axis, start: first, length: max(0, last - first))
    let length = part.shape[axis]
    return step == 1 || length == 0
      ? part : try part.strided(axis, start: 0, step: min(step, length))
  }
}
