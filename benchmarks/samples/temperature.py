"""气象站的温度记录：读取、换算、统计。"""

from statistics import mean


def to_fahrenheit(celsius: float) -> float:
    # 摄氏度转换为华氏度
    return celsius * 9 / 5 + 32


def to_celsius(fahrenheit: float) -> float:
    # 华氏度转换为摄氏度
    return (fahrenheit - 32) * 5 / 9


class Station:
    def __init__(self, name: str) -> None:
        self.name = name
        self.readings: list[float] = []

    def record(self, celsius: float) -> None:
        self.readings.append(celsius)

    def average(self) -> float:
        # 计算平均温度，没有记录时返回零
        if not self.readings:
            return 0.0
        return mean(self.readings)

    def highest(self) -> float:
        # 返回最高温度
        return max(self.readings)

    def lowest(self) -> float:
        # 返回最低温度
        return min(self.readings)
