#if OneDNN
  import CVectors

  extension OneDNNEngine {
    /// The plain kernel's windows, pooled in vectors of channels.
    package func pool(_ x: Tensor, _ geometry: PoolingGeometry, output: Shape) throws -> Tensor {
      RunLog.note(.init(.vector))
      return try plain.pooled(x, geometry, output) { (window: PooledWindow<Float>) in
        let divisor =
          switch geometry.kind {
          case .maximum: 0
          case .average(let countIncludePad): window.divisor(countingPadding: countIncludePad)
          }
        // A mean of no cells is 0/0, which the kernel would take for a maximum.
        if divisor == 0, geometry.kind != .maximum {
          return window.output.update(repeating: .nan, count: window.channels)
        }
        let (rows, columns, channels) = (window.rows, window.columns, window.channels)
        let line = window.imageWidth * channels
        var cells = vectors_pooled_cells(
          rows: rows.count, row_step: rows.step * line, columns: columns.count,
          column_step: columns.step * channels, divisor: Float(divisor))
        vectors_pool(
          &cells, window.image + rows.first * line + columns.first * channels, channels,
          window.output)
      }
    }
  }
#endif
