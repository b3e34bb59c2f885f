import WeighbridgeTensors

extension Shape {
  /// The index on every axis of an element by its row-major position.
  package func index(of position: Int) -> [Int] {
    var rest = position
    var index: [Int] = []
    for extent in reversed() {
      index.append(extent > 0 ? rest % extent : 0)
      rest = extent > 0 ? rest / extent : 0
    }
    return index.reversed()
  }

  /// The row-major position of an index.
  package func position(of index: [Int]) -> Int {
    zip(index, self).reduce(0) { $0 * $1.1 + $1.0 }
  }
}
