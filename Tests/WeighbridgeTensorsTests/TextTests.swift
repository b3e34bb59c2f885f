import Testing
import WeighbridgeTensors

/// What `print(tensor)` shows, beside what NumPy 2 prints of the same array.
@Suite struct TextTests {
  private func expect(
    _ tensor: Tensor, _ heading: String, _ values: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect("\(tensor)" == heading + "\n" + values, sourceLocation: sourceLocation)
  }

  @Test func points() throws {
    expect(
      try Tensor([1, 2.5, -3, 0.1, 100, 1 / 3] as [Float], shape: [2, 3]), "float32 [2, 3]",
      """
      [[  1.           2.5         -3.        ]
       [  0.1        100.           0.33333334]]
      """)
    expect(try Tensor([1, 2, 3] as [Float], shape: [3]), "float32 [3]", "[1. 2. 3.]")
    expect(
      try Tensor([1 / 3, 2 / 3, 1e-3], shape: [3]), "float64 [3]",
      "[0.33333333 0.66666667 0.001     ]")
    expect(try Tensor([-0.0, 1], shape: [2]), "float64 [2]", "[-0.  1.]")
    expect(
      try Tensor([12_345_678.5, 1e7], shape: [2]), "float64 [2]", "[12345678.5 10000000. ]")
  }

  @Test func powersOfTen() throws {
    expect(
      try Tensor([1e10, 1.5, -2.25e-5], shape: [3]), "float64 [3]",
      "[ 1.00e+10  1.50e+00 -2.25e-05]")
    expect(
      try Tensor([1e-5, 0.333_333_34, 2] as [Float], shape: [3]), "float32 [3]",
      "[9.9999997e-06 3.3333334e-01 2.0000000e+00]")
    expect(try Tensor([1000.0, 1], shape: [2]), "float64 [2]", "[1000.    1.]")
    expect(try Tensor([1001.0, 1], shape: [2]), "float64 [2]", "[1.001e+03 1.000e+00]")
    expect(
      try Tensor([123_456_789.0, 1e8], shape: [2]), "float64 [2]",
      "[1.23456789e+08 1.00000000e+08]")
  }

  @Test func othersThanNumbers() throws {
    expect(
      try Tensor([.nan, 1.5, -.infinity, .infinity, -2], shape: [5]), "float64 [5]",
      "[ nan  1.5 -inf  inf -2. ]")
    expect(try Tensor([Double.nan, .infinity], shape: [2]), "float64 [2]", "[nan inf]")
    expect(
      try Tensor([1, -20, 300, 4] as [Int64], shape: [2, 2]), "int64 [2, 2]",
      "[[  1 -20]\n [300   4]]")
    expect(
      try Tensor([1, 0] as [UInt8], shape: [2]).converted(to: .bool), "bool [2]", "[ True False]")
    expect(try Tensor([Float(3.5)], shape: []), "float32 []", "3.5")
    expect(try Tensor([1.0 / 3], shape: []), "float64 []", "0.3333333333333333")
    expect(try Tensor([Float](), shape: [2, 0]), "float32 [2, 0]", "[]")
    #expect(
      "\(Tensor(describing: .float32, shape: [2]))"
        == "float32 [2], a descriptor without elements")
  }

  @Test func severalAxesAndLines() throws {
    expect(
      try Tensor.arange(from: 0, to: 12, dtype: .float32).reshaped([2, 3, 2]),
      "float32 [2, 3, 2]",
      """
      [[[ 0.  1.]
        [ 2.  3.]
        [ 4.  5.]]

       [[ 6.  7.]
        [ 8.  9.]
        [10. 11.]]]
      """)
    expect(
      try Tensor.arange(to: 40), "int64 [40]",
      """
      [ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23
       24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39]
      """)
    expect(
      try Tensor((0..<30).map { Double($0) / 3 }, shape: [30]).narrowed(0, start: 0, length: 12),
      "float64 [12]",
      """
      [0.         0.33333333 0.66666667 1.         1.33333333 1.66666667
       2.         2.33333333 2.66666667 3.         3.33333333 3.66666667]
      """)
  }

  @Test func theMiddleIsLeftOut() throws {
    expect(
      try Tensor.arange(from: 0, to: 2000, dtype: .float32), "float32 [2000]",
      "[0.000e+00 1.000e+00 2.000e+00 ... 1.997e+03 1.998e+03 1.999e+03]")
    expect(
      try Tensor.arange(to: 2000).reshaped([40, 50]), "int64 [40, 50]",
      """
      [[   0    1    2 ...   47   48   49]
       [  50   51   52 ...   97   98   99]
       [ 100  101  102 ...  147  148  149]
       ...
       [1850 1851 1852 ... 1897 1898 1899]
       [1900 1901 1902 ... 1947 1948 1949]
       [1950 1951 1952 ... 1997 1998 1999]]
      """)
    let image = try Tensor((0..<2400).map { Float($0) / 7 }, shape: [2, 3, 20, 20])
    let lines = "\(image)".split(separator: "\n", omittingEmptySubsequences: false)
    #expect(
      lines[1...4] == [
        "[[[[0.0000000e+00 1.4285715e-01 2.8571430e-01 ... 2.4285715e+00",
        "    2.5714285e+00 2.7142856e+00]",
        "   [2.8571429e+00 3.0000000e+00 3.1428571e+00 ... 5.2857141e+00",
        "    5.4285712e+00 5.5714288e+00]",
      ])
    #expect(lines[7] == "   ...")
    #expect(lines.last == "    3.4257144e+02 3.4271429e+02]]]]")
  }
}
