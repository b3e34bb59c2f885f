#if !canImport(ImageIO)
  import CTurboJPEG
  import WeighbridgeTensors

  extension Image {
    /// Decodes as libjpeg does by itself: the accurate integer transform and smooth chroma.
    ///
    /// - Throws: `malformed` when it is damaged or cut short.
    init(jpeg bytes: UnsafeRawBufferPointer) throws {
      guard Image.isEnded(bytes) else {
        throw WeighbridgeError(.malformed, "is a JPEG that is cut short: its end is not there")
      }
      guard let decoder = tjInitDecompress() else {
        throw WeighbridgeError(.engine, "libjpeg-turbo cannot be started")
      }
      defer { tjDestroy(decoder) }
      self = try Image(bytes.bindMemory(to: UInt8.self), decoder)
    }

    private init(_ bytes: UnsafeBufferPointer<UInt8>, _ decoder: tjhandle) throws {
      var (width, height, subsampling, space) = (Int32(0), Int32(0), Int32(0), Int32(0))
      guard
        tjDecompressHeader3(
          decoder, bytes.baseAddress, UInt(bytes.count), &width, &height, &subsampling, &space) == 0
      else { throw Image.damaged(decoder) }
      let (columns, rows) = (Int(width), Int(height))
      try Image.check(width: columns, height: rows)
      let isInk = space == TJCS_CMYK.rawValue || space == TJCS_YCCK.rawValue
      let format = isInk ? TJPF_CMYK : TJPF_RGB
      let count = columns * rows * (isInk ? 4 : 3)
      var failure: WeighbridgeError?
      let decoded = [UInt8](unsafeUninitializedCapacity: count) { target, filled in
        target.initialize(repeating: 0)
        let status = tjDecompress2(
          decoder, bytes.baseAddress, UInt(bytes.count), target.baseAddress, width, 0, height,
          Int32(format.rawValue), TJFLAG_ACCURATEDCT)
        // Of warnings only a missing end is one: stray bytes before a marker are common.
        if status != 0, tjGetErrorCode(decoder) == TJERR_FATAL.rawValue || Image.isCut(decoder) {
          failure = Image.damaged(decoder)
        }
        filled = count
      }
      if let failure { throw failure }
      self.init(
        unchecked: isInk ? Image.colours(ofInk: decoded) : decoded, width: columns, height: rows)
    }

    /// Whether an end marker follows the last scan. Within a scan no marker's bytes can stand; a small
    /// picture within the header has an end of its own, but before the scans.
    private static func isEnded(_ bytes: UnsafeRawBufferPointer) -> Bool {
      for index in bytes.indices.dropLast().reversed() where bytes[index] == 0xff {
        if bytes[index + 1] == 0xd9 { return true }
        if bytes[index + 1] == 0xda { return false }
      }
      return false
    }

    private static func message(_ decoder: tjhandle) -> String {
      tjGetErrorStr2(decoder).map { String(cString: $0) } ?? "no reason is given"
    }

    private static func isCut(_ decoder: tjhandle) -> Bool {
      message(decoder).lowercased().contains("premature end")
    }

    private static func damaged(_ decoder: tjhandle) -> WeighbridgeError {
      WeighbridgeError(.malformed, "is a damaged JPEG: \(message(decoder))")
    }

    /// Cyan, magenta, yellow and black, stored inverted as Adobe does, as colours: Pillow's formula
    /// `k' − c · k' / 255`, where k' is what black leaves.
    static func colours(ofInk values: [UInt8]) -> [UInt8] {
      var colours: [UInt8] = []
      colours.reserveCapacity(values.count / 4 * 3)
      for start in stride(from: 0, to: values.count, by: 4) {
        let rest = Int(values[start + 3])
        for channel in 0..<3 {
          let product = (255 - Int(values[start + channel])) * rest + 128
          colours.append(UInt8(max(0, rest - (product + product >> 8) >> 8)))
        }
      }
      return colours
    }
  }
#endif
