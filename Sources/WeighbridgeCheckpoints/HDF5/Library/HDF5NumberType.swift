#if HDF5
  import CHDF5
  import WeighbridgeTensors

  extension HDF5Library {
    /// A new little-endian type of the library's for a dtype: the small floats by their bit fields,
    /// booleans as the bytes that they lie in.
    static func numberType(of dtype: DType) -> hid_t {
      switch dtype {
      case .float8E4M3: smallFloat(size: 1, exponent: 4, mantissa: 3, bias: 7)
      case .float8E5M2: smallFloat(size: 1, exponent: 5, mantissa: 2, bias: 15)
      case .float16: smallFloat(size: 2, exponent: 5, mantissa: 10, bias: 15)
      case .bfloat16: smallFloat(size: 2, exponent: 8, mantissa: 7, bias: 127)
      case .float32: H5Tcopy(wb_h5_f32le())
      case .float64: H5Tcopy(wb_h5_f64le())
      case .int8, .bool: H5Tcopy(wb_h5_i8le())
      case .int16: H5Tcopy(wb_h5_i16le())
      case .int32: H5Tcopy(wb_h5_i32le())
      case .int64: H5Tcopy(wb_h5_i64le())
      case .uint8: H5Tcopy(wb_h5_u8le())
      case .uint16: H5Tcopy(wb_h5_u16le())
      case .uint32: H5Tcopy(wb_h5_u32le())
      case .uint64: H5Tcopy(wb_h5_u64le())
      }
    }

    private static func smallFloat(size: Int, exponent: Int, mantissa: Int, bias: Int) -> hid_t {
      let type = H5Tcopy(wb_h5_f32le())
      H5Tset_fields(type, size * 8 - 1, mantissa, exponent, 0, mantissa)
      H5Tset_size(type, size)
      H5Tset_ebias(type, bias)
      return type
    }
  }
#endif
