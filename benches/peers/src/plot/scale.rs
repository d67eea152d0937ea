//! Logarithmic axes.

/// Maps `low..high` to pixels, by decades.
pub struct Log {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Log {
    /// # Panics
    /// Both bounds must be more than 0, and not the same.
    pub fn new((low, high): (f64, f64), (start, end): (f64, f64)) -> Self {
        assert!(low > 0.0 && high > low, "an axis needs a range above 0");
        Self { low, high, start, end }
    }

    pub fn place(&self, value: f64) -> f64 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        self.start + share * (self.end - self.start)
    }

    /// The powers of ten within.
    pub fn decades(&self) -> Vec<f64> {
        let exponents = self.low.log10().ceil() as i32..=self.high.log10().floor() as i32;
        exponents.map(|exponent| 10f64.powi(exponent)).collect()
    }

    /// 2 to 9 times those, for the faint lines between.
    pub fn between(&self) -> Vec<f64> {
        let exponents = self.low.log10().floor() as i32..=self.high.log10().floor() as i32;
        let all = exponents
            .flat_map(|exponent| (2..10).map(move |factor| f64::from(factor) * 10f64.powi(exponent)));
        all.filter(|value| (self.low..=self.high).contains(value)).collect()
    }
}

/// The smallest range of whole decades, or halves of them, around all values.
pub fn around(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let low = values.clone().reduce(f64::min)?;
    let high = values.reduce(f64::max)?;
    // Steps of 10^½ leave less empty room than whole decades.
    let (low, high) = ((low.log10() * 2.0 - 0.1).floor() / 2.0, (high.log10() * 2.0 + 0.1).ceil() / 2.0);
    Some((10f64.powf(low), 10f64.powf(high)))
}

/// Moves labels apart so that none is nearer to the next than `gap`, each as little as can be.
pub fn spread(wanted: &[f64], gap: f64, (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut placed: Vec<f64> = order.iter().map(|index| wanted[*index].clamp(top, bottom)).collect();
    // Downwards, then back up from the bottom.
    for index in 1..placed.len() {
        placed[index] = placed[index].max(placed[index - 1] + gap);
    }
    let mut limit = bottom;
    for place in placed.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - gap;
    }
    let mut result = vec![0.0; wanted.len()];
    for (place, index) in placed.into_iter().zip(order) {
        result[index] = place;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decade_is_as_wide_anywhere() {
        let scale = Log::new((1.0, 1e4), (0.0, 400.0));
        assert_eq!([1.0, 10.0, 1e3, 1e4].map(|value| scale.place(value).round()), [0.0, 100.0, 300.0, 400.0]);
        assert_eq!(scale.decades(), [1.0, 10.0, 100.0, 1e3, 1e4]);
    }

    #[test]
    fn labels_keep_their_distance_their_order_and_the_frame() {
        let placed = spread(&[100.0, 95.0, 101.0, 10.0, 300.0], 14.0, (0.0, 200.0));
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 14.0), "{placed:?}");
        assert!(placed[1] < placed[0] && placed[0] < placed[2] && placed[3] == 10.0);
        assert!(sorted.iter().all(|place| (0.0..=200.0).contains(place)));
    }
}
