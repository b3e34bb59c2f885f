import WeighbridgeTensors

extension DType {
  /// Half the distance from 1 to the next number, never finer than float32's, in which models run.
  package var unitRoundoff: Double {
    switch self {
    case .float8E5M2: 0x1p-3
    case .float8E4M3: 0x1p-4
    case .bfloat16: 0x1p-8
    case .float16: 0x1p-11
    default: 0x1p-24
    }
  }
}
