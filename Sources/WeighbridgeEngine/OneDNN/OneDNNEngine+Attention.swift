#if OneDNN
  import COneDNN
  import CVectors
  import WeighbridgeParallel

  extension OneDNNEngine {
    /// softmax(q·kᵀ·scale + bias)·v, a block of queries of one head at a time, so that the scores
    /// never leave the cache. The result's memory order keeps the query axis outside the axis before
    /// it: heads [B, h, n, d] come out so that [B, n, h·d] is a view.
    package func attention(
      _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double, bias: Tensor?
    ) throws -> Tensor {
      let rank = q.rank
      let shape = Shape(q.shape.dropLast() + [v.shape[rank - 1]])
      let scores = Shape(q.shape.dropLast() + [k.shape[rank - 2]])
      guard shape.elementCount > 0, scores.elementCount > 0, q.elementCount > 0 else {
        return try plain.attention(q, k, v, scale: scale, bias: bias)
      }
      var order = Array(0..<rank)
      if rank >= 3 { order.swapAt(rank - 3, rank - 2) }
      let inMemory = Shape(order.map { shape[$0] }).contiguousStrides
      let strides = order.map { inMemory[$0] }
      let heads = try AttentionHeads(
        q: Self.rowMajor(q), k: Self.rowMajor(k), v: Self.rowMajor(v), scale: Float(scale),
        bias: bias?.expanded(to: scores), resultStrides: strides)
      RunLog.note(
        heads.areSmall
          ? .init(.vector, "whole heads in cache")
          : .init(.oneDNN, "products of blocks of queries, softmax in vectors"))
      let storage = try TensorStorage(
        byteCount: shape.elementCount * MemoryLayout<Float>.stride
      ) { bytes in
        guard let output = bytes.bindMemory(to: Float.self).baseAddress else { return }
        try heads.run(output)
      }
      return Tensor(dtype: .float32, shape: shape, strides: strides, offset: 0, storage: storage)
    }

    /// The matrices with rows that the library can read: neighbours side by side, rows not
    /// overlapping.
    private static func rowMajor(_ x: Tensor) throws -> Tensor {
      let (rows, columns) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
      let (down, across) = (x.strides[x.rank - 2], x.strides[x.rank - 1])
      let isReadable = (across == 1 || columns == 1) && (down >= columns || rows == 1)
      return isReadable ? x : try x.contiguous()
    }
  }

  /// A matrix product of row-major matrices on the calling thread (within a parallel loop).
  private struct HeadProduct {
    var rows: Int
    var columns: Int
    var depth: Int
    var scale: Float = 1
    var secondIsTransposed = false

    /// Writes a·b·scale. Steps are the distances of neighbouring rows.
    func run(
      _ a: UnsafePointer<Float>, step aStep: Int, _ b: UnsafePointer<Float>, step bStep: Int,
      _ result: UnsafeMutablePointer<Float>, step: Int
    ) throws {
      let (plain, transposed) = (CChar(bitPattern: 0x4e), CChar(bitPattern: 0x54))  // N, T
      try check(
        dnnl_sgemm(
          plain, secondIsTransposed ? transposed : plain, Int64(rows), Int64(columns),
          Int64(depth), scale, a, Int64(aStep), b, Int64(bStep), 0, result, Int64(step)),
        "multiply matrices")
    }
  }

  /// The work of one attention call: heads × blocks of queries, shared out between the threads.
  private struct AttentionHeads {
    let q: Tensor
    let k: Tensor
    let v: Tensor
    let scale: Float
    let bias: Tensor?
    let resultStrides: [Int]

    /// Queries of one block: enough to make packing the keys worth it, few enough that the block's
    /// scores stay in the second-level cache.
    private var block: Int { min(queries, max(16, min(128, 49152 / keys))) }
    private var queries: Int { q.shape[q.rank - 2] }
    private var keys: Int { k.shape[k.rank - 2] }

    func run(_ output: UnsafeMutablePointer<Float>) throws {
      _ = try OneDNNLibrary.shared()
      let lead = q.shape.dropLast(2).reduce(1, *)
      let blocks = (queries + block - 1) / block
      try q.withUnsafeElements { (q: UnsafePointer<Float>) in
        try k.withUnsafeElements { (k: UnsafePointer<Float>) in
          try v.withUnsafeElements { (v: UnsafePointer<Float>) in
            try bias.withOptionalElements { (bias: UnsafePointer<Float>?) in
              nonisolated(unsafe) let whole = Block(
                q: q, k: k, v: v, bias: bias, output: output, rows: queries)
              try Parallel.forEachThrowing(lead * blocks) { task in
                try attend(part(of: whole, head: task / blocks, first: task % blocks * block))
              }
            }
          }
        }
      }
    }

    /// The block of a head from query `first` on.
    private func part(of whole: Block, head: Int, first: Int) -> Block {
      let rank = q.rank
      var bias = whole.bias
      if let strides = self.bias?.strides {
        bias = bias.map { $0 + offset(strides, head) + first * strides[rank - 2] }
      }
      return Block(
        q: whole.q + offset(q.strides, head) + first * rowStep(q),
        k: whole.k + offset(k.strides, head), v: whole.v + offset(v.strides, head), bias: bias,
        output: whole.output + offset(resultStrides, head) + first * resultStrides[rank - 2],
        rows: min(block, queries - first))
    }

    private struct Block {
      let q: UnsafePointer<Float>
      let k: UnsafePointer<Float>
      let v: UnsafePointer<Float>
      let bias: UnsafePointer<Float>?
      let output: UnsafeMutablePointer<Float>
      let rows: Int
    }

    /// Whether calling the library for the products of a head would cost more than computing them.
    var areSmall: Bool {
      let (depth, width) = (q.shape[q.rank - 1], v.shape[v.rank - 1])
      return keys <= 64 && keys * max(depth, width) <= 4096
    }

    /// A head whose keys and values fit the first-level cache, without the library.
    private func attendSmall(_ block: Block) throws {
      let (biasSteps, rank) = (bias?.strides, q.rank)
      var head = vectors_head(
        q: block.q, q_step: rowStep(q), k: block.k, k_step: rowStep(k), v: block.v,
        v_step: rowStep(v), bias: block.bias, bias_row_step: biasSteps?[rank - 2] ?? 0,
        bias_column_step: biasSteps?[rank - 1] ?? 0, output: block.output,
        output_step: resultStrides[rank - 2], queries: block.rows, keys: keys,
        depth: q.shape[rank - 1], width: v.shape[rank - 1], scale: scale)
      withUnsafeTemporaryAllocation(
        byteCount: vectors_attend_scratch(&head) * MemoryLayout<Float>.stride, alignment: 64
      ) { scratch in
        guard let scratch = scratch.bindMemory(to: Float.self).baseAddress else { return }
        vectors_attend(&head, scratch)
      }
    }

    private func attend(_ block: Block) throws {
      if areSmall { return try attendSmall(block) }
      let (depth, width) = (q.shape[q.rank - 1], v.shape[v.rank - 1])
      let resultStep = resultStrides[resultStrides.count - 2]
      _ = try TensorStorage(byteCount: block.rows * keys * MemoryLayout<Float>.stride) { bytes in
        guard let scores = bytes.bindMemory(to: Float.self).baseAddress else { return }
        try HeadProduct(
          rows: block.rows, columns: keys, depth: depth, scale: scale, secondIsTransposed: true
        ).run(block.q, step: rowStep(q), block.k, step: rowStep(k), scores, step: keys)
        if let bias = block.bias {
          for row in 0..<block.rows { add(bias, row: row, to: scores + row * keys) }
        }
        vectors_softmax(scores, keys, block.rows, keys, block.bias != nil)
        try HeadProduct(rows: block.rows, columns: width, depth: keys)
          .run(scores, step: keys, block.v, step: rowStep(v), block.output, step: resultStep)
      }
    }

    private func add(
      _ bias: UnsafePointer<Float>, row: Int, to line: UnsafeMutablePointer<Float>
    ) {
      guard let strides = self.bias?.strides else { return }
      let source = bias + row * strides[strides.count - 2]
      let step = strides[strides.count - 1]
      if step == 1 {
        for i in 0..<keys { line[i] += source[i] }
      } else {
        for i in 0..<keys { line[i] += source[i * step] }
      }
    }

    /// The distance of neighbouring rows; at least the row's length, as the library demands.
    private func rowStep(_ x: Tensor) -> Int { max(x.strides[x.rank - 2], x.shape[x.rank - 1]) }

    /// Where the matrix of a head begins, heads counted over all leading axes.
    private func offset(_ strides: [Int], _ head: Int) -> Int {
      var (rest, offset) = (head, 0)
      for axis in stride(from: q.rank - 3, through: 0, by: -1) {
        offset += rest % q.shape[axis] * strides[axis]
        rest /= q.shape[axis]
      }
      return offset
    }
  }
#endif
