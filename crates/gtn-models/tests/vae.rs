//! The variational autoencoder: fused operations against Candle's, and what it learns.

use gtn_models::{
    Adam, AdamSettings, AutoencoderShape, Device, Mode, NamedArrays, Ops, Streams, Tensor, Vae, to_tensor,
};

const SHAPE: AutoencoderShape = AutoencoderShape { channels: 1, side: 8, dim: 3 };

fn images(n: usize) -> Tensor {
    let values = Streams::new(5).normal("images", 0, n, SHAPE.values_per_image()).mapv(|value| value.clamp(-1.0, 1.0));
    to_tensor(values.into_shape_with_order((n, 1, 8, 8)).unwrap().view(), &Device::Cpu).unwrap()
}

fn noise(n: usize) -> Tensor {
    to_tensor(Streams::new(6).normal("noise", 0, n, SHAPE.dim).view(), &Device::Cpu).unwrap()
}

#[test]
fn fused_operations_have_the_loss_and_the_gradients_of_candle() {
    let (images, noise) = (images(7), noise(7));
    let [(fused, of_fused), (candle, of_candle)] = [Ops::Fused, Ops::Candle].map(|ops| {
        let vae = Vae::with_ops(&SHAPE, &Streams::new(2), &Device::Cpu, ops).unwrap();
        let loss = vae.loss(Mode::Train, &images, &noise).unwrap();
        let gradients: NamedArrays = vae.parameters().gradients(&loss).unwrap();
        // In evaluation mode, the value is the same.
        let evaluated = vae.loss(Mode::Evaluate, &images, &noise).unwrap().to_scalar::<f32>().unwrap();
        let loss = loss.to_scalar::<f32>().unwrap();
        assert!((evaluated - loss).abs() < 1e-4 * loss.abs(), "{evaluated} {loss}");
        (loss, gradients)
    });
    assert!((fused - candle).abs() < 1e-4 * candle.abs(), "{fused} {candle}");
    assert_eq!(of_fused.keys().collect::<Vec<_>>(), of_candle.keys().collect::<Vec<_>>());
    assert_eq!(of_fused["encoder.linear.weight"].shape()[0], 2 * SHAPE.dim);
    for (name, expected) in &of_candle {
        let scale = expected.iter().fold(1e-3_f32, |scale, value| scale.max(value.abs()));
        let error = of_fused[name].iter().zip(expected).fold(0.0_f32, |max, (a, b)| max.max((a - b).abs()));
        assert!(error < 1e-4 * scale, "{name}: {error} (scale {scale})");
        assert!(expected.iter().any(|value| *value != 0.0), "{name} has no gradient");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let (images, noise) = (images(4), noise(4));
    let vae = Vae::new(&SHAPE, &Streams::new(3), &Device::Cpu).unwrap();
    let loss = |vae: &Vae| f64::from(vae.loss(Mode::Evaluate, &images, &noise).unwrap().to_scalar::<f32>().unwrap());
    let gradients = vae.parameters().gradients(&vae.loss(Mode::Train, &images, &noise).unwrap()).unwrap();
    let weights = vae.parameters().state_dict().unwrap();
    for name in ["encoder.linear.bias", "decoder.linear.bias", "decoder.deconv2.bias"] {
        // Along the gradient, the loss changes by the squared length of the gradient.
        let gradient = &gradients[name];
        let length = gradient.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        let step = 1e-2 / length;
        let moved = |sign: f64| {
            let mut weights = weights.clone();
            weights.get_mut(name).unwrap().zip_mut_with(gradient, |w, g| *w += (sign * step * f64::from(*g)) as f32);
            vae.parameters().load_state_dict(&weights).unwrap();
            loss(&vae)
        };
        let difference = (moved(1.0) - moved(-1.0)) / (2.0 * step);
        assert!((difference / length.powi(2) - 1.0).abs() < 0.02, "{name}: {difference} {}", length.powi(2));
        vae.parameters().load_state_dict(&weights).unwrap();
    }
}

#[test]
fn it_learns_and_its_samples_have_the_range_of_images() {
    let vae = Vae::new(&SHAPE, &Streams::new(1), &Device::Cpu).unwrap();
    let settings = AdamSettings { learning_rate: 3e-3, ..AdamSettings::default() };
    let mut adam = Adam::new(vae.parameters(), settings).unwrap();
    // Two kinds of images.
    let bright = Tensor::full(0.8_f32, (8, 1, 8, 8), &Device::Cpu).unwrap();
    let images = Tensor::cat(&[&bright, &bright.neg().unwrap()], 0).unwrap();
    let mut losses = Vec::new();
    for step in 0..150 {
        let noise = to_tensor(Streams::new(1).normal("noise", step, 16, SHAPE.dim).view(), &Device::Cpu).unwrap();
        let loss = vae.loss(Mode::Train, &images, &noise).unwrap();
        adam.backward_step(vae.parameters(), &loss).unwrap();
        losses.push(loss.to_scalar::<f32>().unwrap());
    }
    assert!(losses[149] < losses[0] - 20.0, "{} {}", losses[0], losses[149]);
    let samples = vae.sample(200, &mut Streams::new(1).stream("samples", 0)).unwrap();
    assert_eq!(samples.dim(), (200, 1, 8, 8));
    assert!(samples.iter().all(|value| (-1.0..=1.0).contains(value)));
    let mean = |n: usize| samples.index_axis(ndarray::Axis(0), n).mean().unwrap();
    let (bright, dark) = ((0..200).filter(|&n| mean(n) > 0.4).count(), (0..200).filter(|&n| mean(n) < -0.4).count());
    assert!(bright > 40 && dark > 40, "{bright} bright, {dark} dark");
    let first = vae.sample(3, &mut Streams::new(1).stream("samples", 0)).unwrap();
    let close = first.iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(close, "fewer samples are not the first ones");
}
