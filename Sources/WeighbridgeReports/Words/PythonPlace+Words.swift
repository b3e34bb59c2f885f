import WeighbridgeVerdicts

extension PythonPlace: CustomStringConvertible {
  /// What to read, without a full stop.
  public var description: String {
    "\(Diagnosis.name(of: path)) is \(className), \(place)"
  }
}
