/// The version of Weighbridge, which the command prints and reports record.
public enum WeighbridgeVersion {
  /// By semantic versioning; CHANGELOG.md begins with the same, which `tools/check` holds.
  public static let current = "0.9.0"
}
