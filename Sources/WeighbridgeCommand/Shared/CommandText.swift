/// The command as it was called, for reports that say how to repeat it.
enum CommandText {
  static var current: String {
    ([Tool.name] + CommandLine.arguments.dropFirst().map(quoted)).joined(separator: " ")
  }

  /// The argument as a shell reads it.
  static func quoted(_ argument: String) -> String {
    let plain = argument.unicodeScalars.allSatisfy { scalar in
      scalar.properties.isAlphabetic || (48...57).contains(scalar.value)
        || "-_./=:,+@%".unicodeScalars.contains(scalar)
    }
    guard argument.isEmpty || !plain else { return argument }
    return "'"
      + argument.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''") + "'"
  }
}
